//! The Signal protocol and Sealwire's content, media, device-list and linking ciphers. Pure: no I/O, no clock, no storage.
