//! Campanile api.
