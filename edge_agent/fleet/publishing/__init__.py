"""What is signed, on its way: to brokers and mirrors, from advertisers who sign themselves, and what may go."""
