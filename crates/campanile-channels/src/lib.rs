//! Campanile channels.
