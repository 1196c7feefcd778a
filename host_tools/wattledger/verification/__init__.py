"""What a meter holds, and the proof that it adds up."""
