"""The signed repository in the operator's folder, and in an advertiser's: who may sign, and what is signed."""
