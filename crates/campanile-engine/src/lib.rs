//! Campanile engine.
