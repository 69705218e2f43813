//! The client as a sans-I/O state machine over crypto, wire and store.
