//! A disk of its own that can be full: a tmpfs in a mount namespace that nobody else sees.
//!
//! It takes what an ordinary user may do on most Linux systems (a user namespace); where that is forbidden, as in many
//! containers, there is no volume, and the tests that need one say so.

use crate::{Job, Running};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The volume and the process that keeps it.
pub struct Volume {
    keeper: Child,
    folder: TempDir,
}

impl Volume {
    /// None where the system does not allow it.
    pub fn new(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = format!(
            "mount -t tmpfs -o size={megabytes}m,mode=700 none \"$0\" && echo && exec sleep infinity"
        );
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = [0];
        let mounted = keeper.stdout.take()?.read_exact(&mut line);
        let volume = Self { keeper, folder };
        mounted.is_ok().then_some(volume)
    }

    /// Its place, for the processes on it.
    pub fn inside(&self) -> &Path {
        self.folder.path()
    }

    /// The same place for everybody else.
    pub fn outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(self.inside().strip_prefix("/").unwrap())
    }

    /// A program that runs another one on the volume, under the same process id.
    pub fn wrap(&self, program: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let name = program.file_name().unwrap().to_str().unwrap();
        let script = self.folder.path().join(name);
        let text = format!(
            "#!/bin/sh\nexec nsenter --user --preserve-credentials --mount --target {} \"{}\" \"$@\"\n",
            self.keeper.id(),
            program.display()
        );
        // Beside the volume, under its mount point: whoever is not on the volume sees it.
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        script
    }

    /// Starts a client on it.
    pub fn start(&self, relay: &str, job: &Job) -> Running {
        let client = self.wrap(&crate::run::beside("client-to-kill"));
        let mut command = tokio::process::Command::new(client);
        Running::prepare(&mut command, self.inside(), relay, job, None);
        Running::spawn(command, job, None)
    }

    /// Nothing more fits on it.
    pub fn fill(&self) {
        self.fill_but(0);
    }

    /// So many bytes more fit on it.
    pub fn fill_but(&self, room: u64) {
        let mut ballast = std::fs::File::create(self.outside().join("ballast")).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
        let size = ballast.metadata().unwrap().len();
        ballast.set_len(size.saturating_sub(room)).unwrap();
    }

    /// There is room again.
    pub fn free(&self) {
        std::fs::remove_file(self.outside().join("ballast")).unwrap();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // An ended process cannot be killed again, and that is all that can go wrong here.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
