"""The file of a customer organization: what it may say, checked before anything is deployed."""
