//! The sample village.
