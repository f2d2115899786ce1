"""What every layer may use of the machine under it: files and the credentials in use."""
