"""The only place that knows API Gateway: operations, principals, problem documents, the OpenAPI document."""
