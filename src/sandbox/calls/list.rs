//! The calls that are denied.

use libc as c;
use seccompiler::{
    BackendError, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition, SeccompRule,
};

/// `<asm-generic/ioctls.h>`, which all of these machines have: puts a character before those that were typed; asks the console for
/// favours, that among them.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// What always fails.
pub(super) fn denied() -> Vec<i64> {
    [NETWORK, PROGRAMS, OTHERS, PLACES, KERNEL, MACHINE, FILES, OLD].concat()
}

/// Sockets of any kind: those that are open give and take as before.
const NETWORK: &[i64] =
    &[c::SYS_socket, c::SYS_connect, c::SYS_bind, c::SYS_listen, c::SYS_accept, c::SYS_accept4];

/// Other programs. (New processes: see [`conditional`].)
const PROGRAMS: &[i64] = &[c::SYS_execve, c::SYS_execveat];

/// Other processes: their memory, their descriptors, signals to them.
const OTHERS: &[i64] = &[
    c::SYS_ptrace,
    c::SYS_process_vm_readv,
    c::SYS_process_vm_writev,
    c::SYS_process_madvise,
    c::SYS_kcmp,
    c::SYS_pidfd_getfd,
    c::SYS_pidfd_send_signal,
    c::SYS_tkill,
    c::SYS_rt_sigqueueinfo,
    c::SYS_rt_tgsigqueueinfo,
];

/// Mounts, roots and namespaces.
const PLACES: &[i64] = &[
    c::SYS_mount,
    c::SYS_umount2,
    c::SYS_pivot_root,
    c::SYS_chroot,
    c::SYS_move_mount,
    c::SYS_open_tree,
    c::SYS_fsopen,
    c::SYS_fsconfig,
    c::SYS_fsmount,
    c::SYS_fspick,
    c::SYS_mount_setattr,
    c::SYS_unshare,
    c::SYS_setns,
];

/// Parts of the kernel that take programs, queues or pages of others, and ways around what paths are allowed.
const KERNEL: &[i64] = &[
    c::SYS_bpf,
    c::SYS_perf_event_open,
    c::SYS_userfaultfd,
    c::SYS_io_uring_setup,
    c::SYS_io_uring_enter,
    c::SYS_io_uring_register,
    c::SYS_fanotify_init,
    c::SYS_add_key,
    c::SYS_request_key,
    c::SYS_keyctl,
    c::SYS_name_to_handle_at,
    c::SYS_open_by_handle_at,
    c::SYS_personality,
];

/// The machine as a whole.
const MACHINE: &[i64] = &[
    c::SYS_init_module,
    c::SYS_finit_module,
    c::SYS_delete_module,
    c::SYS_kexec_load,
    c::SYS_reboot,
    c::SYS_swapon,
    c::SYS_swapoff,
    c::SYS_acct,
    c::SYS_quotactl,
    c::SYS_syslog,
    c::SYS_vhangup,
    c::SYS_settimeofday,
    c::SYS_clock_settime,
    c::SYS_adjtimex,
    c::SYS_clock_adjtime,
    c::SYS_sethostname,
    c::SYS_setdomainname,
];

/// Names, owners, modes and times of files. To open and to remove them is Landlock's affair.
const FILES: &[i64] = &[
    c::SYS_mknodat,
    c::SYS_mkdirat,
    c::SYS_linkat,
    c::SYS_symlinkat,
    c::SYS_renameat2,
    c::SYS_truncate,
    c::SYS_fchmod,
    c::SYS_fchmodat,
    c::SYS_fchown,
    c::SYS_fchownat,
    c::SYS_utimensat,
    c::SYS_setxattr,
    c::SYS_lsetxattr,
    c::SYS_fsetxattr,
    c::SYS_removexattr,
    c::SYS_lremovexattr,
    c::SYS_fremovexattr,
];

/// What only x86-64 has, mostly older ways to the same.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[
    c::SYS_fork,
    c::SYS_vfork,
    c::SYS_kexec_file_load,
    c::SYS_iopl,
    c::SYS_ioperm,
    c::SYS_modify_ldt,
    c::SYS_mknod,
    c::SYS_mkdir,
    c::SYS_rmdir,
    c::SYS_link,
    c::SYS_symlink,
    c::SYS_rename,
    c::SYS_renameat,
    c::SYS_chmod,
    c::SYS_chown,
    c::SYS_lchown,
    c::SYS_utime,
    c::SYS_utimes,
    c::SYS_futimesat,
];
/// renameat(2) and kexec_file_load(2), by their numbers in `<asm-generic/unistd.h>`, of which not every C library has both.
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[i64] = &[38, 294];

/// What fails with some arguments:
/// 1. a new process, and not a new thread;
/// 2. a signal to another process, and not to egret itself, which stops that way (Ctrl-Z);
/// 3. typing into the terminal in the user's stead;
/// 4. a pair of sockets that is not of this machine alone, a datagram to an address;
/// 5. memory that holds code.
pub(super) fn conditional() -> Result<Vec<(i64, Vec<SeccompRule>)>, BackendError> {
    let own = u64::from(std::process::id());
    let thread = c::CLONE_THREAD as u64;
    let code = c::PROT_EXEC as u64;
    Ok(vec![
        (c::SYS_clone, vec![when(0, Op::MaskedEq(thread), 0)?]),
        (c::SYS_kill, vec![when(0, Op::Ne, own)?]),
        (c::SYS_tgkill, vec![when(0, Op::Ne, own)?]),
        (c::SYS_ioctl, vec![when(1, Op::Eq, TIOCSTI)?, when(1, Op::Eq, TIOCLINUX)?]),
        (c::SYS_socketpair, vec![when(0, Op::Ne, c::AF_UNIX as u64)?]),
        (c::SYS_sendto, vec![SeccompRule::new(vec![SeccompCondition::new(4, Length::Qword, Op::Ne, 0)?])?]),
        (c::SYS_mmap, vec![when(2, Op::MaskedEq(code), code)?]),
        (c::SYS_mprotect, vec![when(2, Op::MaskedEq(code), code)?]),
        (c::SYS_pkey_mprotect, vec![when(2, Op::MaskedEq(code), code)?]),
    ])
}

/// When the lower half of an argument compares so.
fn when(argument: u8, op: Op, with: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, Length::Dword, op, with)?])
}
