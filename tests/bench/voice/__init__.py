"""What listening costs, and how soon a phrase is heard, beside a bare loop around Vosk."""
