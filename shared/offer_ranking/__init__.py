"""Offer Ranking: AI models that rank offers by conversion rate.

The rooms stand in the order in which data flows: catalog, events, counting, learning, ranking, measuring.
`storage` alone knows DynamoDB, S3 and SQS; `http` alone knows API Gateway.
"""

__version__ = "0.1.0"
