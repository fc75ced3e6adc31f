//! Caller and provider speak different dialects.
