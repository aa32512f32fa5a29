//! Simulated FreshBooks.
