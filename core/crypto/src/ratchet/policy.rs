//! Which agreements an app lets new sessions begin with.

use super::version::Version;

/// What a new session must have. Sessions that are held go on, whatever they began with.
///
/// The default asks for PQXDH: what is recorded today is not read by a quantum computer tomorrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionPolicy {
    allows_x3dh: bool,
}

impl SessionPolicy {
    /// Sessions without a post-quantum part may begin too, with a device that publishes no KEM prekey.
    pub fn allow_x3dh() -> Self {
        Self { allows_x3dh: true }
    }

    /// Whether sessions without a post-quantum part may begin.
    pub fn allows_x3dh(self) -> bool {
        self.allows_x3dh
    }

    pub(super) fn allows(self, version: Version) -> bool {
        match version {
            Version::Pqxdh => true,
            Version::X3dh => self.allows_x3dh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_asks_for_it_gets_sessions_of_version_3() {
        for (policy, x3dh) in [
            (SessionPolicy::default(), false),
            (SessionPolicy::allow_x3dh(), true),
        ] {
            assert_eq!(policy.allows_x3dh(), x3dh);
            assert_eq!(policy.allows(Version::X3dh), x3dh);
            assert!(policy.allows(Version::Pqxdh));
        }
    }
}
