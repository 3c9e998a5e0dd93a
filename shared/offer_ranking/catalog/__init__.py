"""What people define: datasets and AI models, their names, their lifecycle and the record of every change."""
