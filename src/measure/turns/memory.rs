//! Whether processes that run at once fit in memory.

/// Kilobytes behind `key` of a file in /proc.
fn kilobytes(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().ok()
}

/// Whether another process as large as the largest of `pids` might not fit.
pub fn is_short(pids: &[u32]) -> bool {
    let largest = pids.iter().filter_map(|pid| kilobytes(&format!("/proc/{pid}/status"), "VmHWM")).max();
    let available = kilobytes("/proc/meminfo", "MemAvailable");
    largest.zip(available).is_some_and(|(largest, available)| largest * 2 > available)
}
