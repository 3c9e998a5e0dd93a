"""The only place that knows DynamoDB, S3 and SQS: one adapter a noun, each turning items into domain types."""
