//! Campanile template.
