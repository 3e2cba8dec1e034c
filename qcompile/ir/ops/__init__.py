"""The operations of the language, one file each: what every phase needs to know of them."""
