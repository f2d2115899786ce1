"""The API's objects as plain data, the reasons, and the decoders of JSON and protobuf."""
