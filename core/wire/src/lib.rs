//! What crosses the network: the relay contract's types, protobuf content, ids. Pure.
