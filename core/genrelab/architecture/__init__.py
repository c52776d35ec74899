"""What a model is made of: its layers, what each gives, and a picture of them."""
