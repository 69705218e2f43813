//! The figures of attachments: 64 MiB, chunk after chunk, as a file is read.

use std::fs;
use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::attachment::{AttachmentPlan, CHUNK_BYTES, DigestBuilder};

use crate::report::{Figure, Goal};
use crate::timing::{Effort, by_turns, each};
use crate::trouble::{Done, io, said};
use crate::{Goals, named};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 64 * MIB;

pub(crate) fn measure(effort: Effort, goals: &Goals) -> Done<Vec<Figure>> {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let plan = AttachmentPlan::new(SIZE, &mut rng).map_err(said)?;
    let count = plan.layout().chunk_count();
    let (sealer, opener) = (plan.sealer(), plan.opener());
    let plain = vec![0x5a; CHUNK_BYTES as usize];
    let sealed = sealer.seal(0, &plain).map_err(said)?;

    let key = UnboundKey::new(&AES_256_GCM, plan.key().as_bytes()).map_err(said)?;
    let key = LessSafeKey::new(key);
    let nonce = |index| Nonce::assume_unique_for_key(plan.nonce(index));
    let (mut buffer, mut opened) = (Vec::new(), Vec::new());
    let (mut theirs_opened, mut ours_opened) = (Vec::new(), Vec::new());
    buffer.reserve_exact(sealed.len());
    let (mut index, mut their_index, mut digest) = (0, 0, DigestBuilder::new());

    let [seals, theirs_seals, hashes, opens, theirs_opens] = by_turns(
        effort,
        [
            &mut each(|| {
                index = (index + 1) % count;
                sealer.seal(index, &plain).map_err(said)
            }),
            &mut each(|| {
                their_index = (their_index + 1) % count;
                buffer.clear();
                buffer.extend_from_slice(&plain);
                key.seal_in_place_append_tag(nonce(their_index), Aad::empty(), &mut buffer)
                    .map_err(said)?;
                black_box(&buffer);
                Ok(())
            }),
            &mut each(|| {
                digest.push(&sealed);
                Ok(())
            }),
            &mut each(|| {
                opener
                    .open_into(0, &sealed, &mut ours_opened)
                    .map_err(said)?;
                black_box(&ours_opened);
                Ok(())
            }),
            &mut each(|| {
                theirs_opened.clear();
                theirs_opened.extend_from_slice(&sealed);
                key.open_in_place(nonce(0), Aad::empty(), &mut theirs_opened)
                    .map_err(said)?;
                black_box(&theirs_opened);
                Ok(())
            }),
        ],
    )?;

    let memory = peak_above_idle(|| {
        for index in 0..count {
            let encrypted = sealer.seal(index, &plain).map_err(said)?;
            opener
                .open_into(index, &encrypted, &mut opened)
                .map_err(said)?;
        }
        Ok(())
    })?;
    let speed = |nanos: f64| format!("{:.1} GB/s", CHUNK_BYTES as f64 / nanos);
    let beside = |ours: f64, theirs: f64| {
        format!("{} against {} of AWS-LC alone", speed(ours), speed(theirs))
    };
    let mut figures = vec![
        Figure::new(
            &named("attachments, 64 MiB sealed"),
            theirs_seals / seals,
            "× AWS-LC",
            goals.attachments,
        )
        .note(format!(
            "{}; SHA-256 of the chunks, for the pointer's digest, takes {:.1} × as long again ({})",
            beside(seals, theirs_seals),
            hashes / seals,
            speed(hashes)
        )),
        Figure::new(
            &named("attachments, 64 MiB opened"),
            theirs_opens / opens,
            "× AWS-LC",
            goals.attachments,
        )
        .note(beside(opens, theirs_opens)),
    ];
    if let Some(bytes) = memory {
        let name = named("the same, memory above idle");
        let (mib, goal) = (bytes as f64 / MIB as f64, Goal::AtMost(1.0));
        figures.push(
            Figure::new(&name, mib, "MiB", goal)
                .note("64 MiB sealed and opened again, peak of the process's resident memory"),
        );
    }
    Ok(figures)
}

/// By how much the resident memory rises at most, where the system tells (Linux: proc(5), `clear_refs` and `VmHWM`).
fn peak_above_idle(work: impl FnOnce() -> Done<()>) -> Done<Option<u64>> {
    let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let idle = resident("VmRSS:");
    work()?;
    let peak = resident("VmHWM:");
    match (reset, idle, peak) {
        (true, Some(idle), Some(peak)) => Ok(Some(peak.saturating_sub(idle))),
        _ => Ok(None),
    }
}

fn resident(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status")
        .map_err(io("/proc/self/status"))
        .ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
