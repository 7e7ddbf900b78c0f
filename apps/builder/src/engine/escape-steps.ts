/** A build step that tries to harm its neighbours or its host, as a publisher could write it. */
export interface HostileStep {
  what: string
  text: string
  /** Changes to the limits of the other hostile steps. */
  limits?: { seconds?: number; logBytes?: number }
  /** The code of the build's failure; null where the step itself ends well and only must have got nothing. */
  failure: string | null
  /** What it prints, where that shows that the limit held. */
  says?: RegExp
}

const mb = 2 ** 20

/** Steps that take what there is to take: processes, memory, disk, log, time. */
export const greedySteps: HostileStep[] = [
  {
    what: 'a fork bomb of the shell',
    text: 'bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 4; echo survived',
    // The shell that cannot fork gives up with 2, or gets its turn and ends; both are fine.
    limits: { seconds: 12 },
    failure: 'any',
  },
  {
    what: 'threads without end',
    text: `python3 -c '
import threading, time
made = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
        made += 1
except RuntimeError as error:
    print("stopped at", made)
'`,
    failure: null,
    says: /^stopped at \d\d$/m,
  },
  {
    what: 'memory without end, in many processes',
    text: `for i in 1 2 3 4; do python3 -c '
hog = []
while True: hog.append(bytearray(50 * 2**20))
' & done; wait; exec python3 -c 'x = bytearray(900 * 2**20)'`,
    failure: 'build/out-of-memory',
  },
  {
    what: 'a full shared memory',
    text: 'head -c 2000000000 /dev/zero > /dev/shm/hog; df -k /dev/shm | tail -1; ls /dev/shm',
    failure: null,
    says: /No space left/,
  },
  {
    what: 'one endless file',
    text: 'cat /dev/zero > /opt/endless',
    failure: 'build/step-failed',
  },
  {
    what: 'many large files',
    text: 'i=0; while :; do head -c 50000000 /dev/zero > /opt/large$i; i=$((i+1)); sleep 0.1; done',
    failure: 'build/disk-limit',
  },
  {
    what: 'a sparse file of ten terabytes',
    text: 'truncate -s 10T /opt/sparse',
    failure: 'build/step-failed',
  },
  {
    what: 'sparse files that are small each, which a commit would write out',
    text: 'for i in 1 2 3 4 5 6 7 8; do truncate -s 100M /opt/sparse$i; done',
    failure: 'build/disk-limit',
  },
  {
    what: 'a log without end',
    text: 'yes "the same line again and again and again"',
    limits: { logBytes: 20 * mb },
    failure: 'build/log-too-long',
  },
  {
    what: 'one line without end',
    text: 'cat /dev/zero | tr "\\0" x',
    limits: { logBytes: 20 * mb },
    failure: 'build/log-too-long',
  },
  {
    what: 'no end, with stopped children and ignored signals',
    text: 'trap "" TERM HUP INT; sleep 900 & kill -STOP $!; mkfifo /opt/never; while :; do read x < /opt/never; done',
    limits: { seconds: 4 },
    failure: 'build/timed-out',
  },
]

/** A step that makes empty files until it is stopped: no bytes that a size limit could count. */
export const manyFiles = `python3 -c '
import os
for folder in range(1000):
    os.mkdir(f"/opt/many{folder}")
    for file in range(1000):
        os.close(os.open(f"/opt/many{folder}/{file}", os.O_CREAT))
'`

/**
 * A program that asks the kernel for what only a host's root may do, and prints a line for each: the name and the error's
 * name, or ALLOWED. Their arguments do no harm where a call is allowed: a hole must not cost the machine that finds it.
 */
export const forbiddenCalls = `
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
NEWNS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
buffer = ctypes.create_string_buffer(256)
calls = [  # name, number on x86-64, number on ARM64, arguments
    ("mount", 165, 40, (b"none", b"/mnt", b"tmpfs", 0, None)),
    ("mount proc", 165, 40, (b"proc", b"/mnt", b"proc", 0, None)),
    ("umount", 166, 39, (b"/proc", 2)),
    ("pivot_root", 155, 41, (b"/", b"/mnt")),
    ("chroot", 161, 51, (b"/mnt",)),
    ("unshare mounts", 272, 97, (NEWNS,)),
    ("unshare users", 272, 97, (NEWUSER,)),
    ("unshare network", 272, 97, (NEWNET,)),
    ("setns", 308, 268, (os.open("/proc/self/ns/net", os.O_RDONLY), 0)),
    ("mknod of a disk", 259, 33, (-100, b"/opt/disk", 0o60600, os.makedev(8, 0))),
    ("bpf", 321, 280, (0, ctypes.byref(buffer), 128)),
    ("perf_event_open", 298, 241, (ctypes.byref(buffer), 0, -1, -1, 0)),
    ("keyctl", 250, 219, (0, -3, 1)),
    ("add_key", 248, 217, (b"user", b"x", b"y", 1, -3)),
    ("init_module", 175, 105, (ctypes.byref(buffer), 16, b"")),
    ("kexec_load", 246, 104, (0, 0, None, 0)),
    ("open_by_handle_at", 304, 265, (-100, ctypes.byref(buffer), 0)),
    ("userfaultfd", 323, 282, (0,)),
    ("iopl", 172, 9999, (3,)),
    ("swapon", 167, 224, (b"/opt/x", 0)),
    ("reboot", 169, 142, (0xfee1dead, 672274793, 0x89abcdef, None)),
    ("sethostname", 170, 161, (b"owned", 5)),
    ("settimeofday", 164, 170, (None, None)),
    ("syslog", 103, 116, (3, ctypes.byref(buffer), 256)),
    ("quotactl", 179, 60, (0x800002, b"/dev/sda", 0, None)),
    ("ptrace of a process outside", 101, 117, (16, 2 ** 22 - 1, None, None)),
]
for name, x86, on_arm, arguments in calls:
    result = libc.syscall(on_arm if arm else x86, *arguments)
    print(name + ":", "ALLOWED" if result >= 0 else errno.errorcode[ctypes.get_errno()])
`

/** Files of the kernel by which a container that may write them owns its host, and devices of the host: opened, no more. */
export const forbiddenFiles = `
import glob
files = ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/modprobe", "/proc/sys/fs/binfmt_misc/register",
         "/proc/sys/vm/panic_on_oom", "/proc/sys/kernel/hostname", "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled",
         "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/proc/kcore",
         *glob.glob("/sys/fs/cgroup/*/release_agent"), *glob.glob("/sys/fs/cgroup/*/notify_on_release"),
         *glob.glob("/sys/fs/cgroup/*/memory.limit_in_bytes"), "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/x"]
for path in files:
    try:
        open(path, "r+b" if "/x" not in path else "wb", buffering=0).close()
        print(path, "ALLOWED")
    except OSError as error: print(path, error.strerror)
`

/** Ways to the engine, the host and the metadata of a cloud, directly and through the proxy. */
export function forbiddenWays(hostAddresses: string[], hostPort: number): string {
  return `
import glob, os, socket, stat, urllib.request
for path in ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/buildkit/buildkitd.sock", "/run/crio/crio.sock"]:
    if os.path.exists(path): print("ALLOWED", path)
for folder in ("/run", "/var/run", "/tmp", "/opt", "/model"):
    for path in glob.glob(folder + "/**", recursive=True):
        if stat.S_ISSOCK(os.lstat(path).st_mode): print("ALLOWED socket", path)
for line in open("/proc/net/unix"):
    if "containerd" in line or "docker" in line: print("ALLOWED abstract socket", line)
hosts = ${JSON.stringify(['169.254.169.254', '169.254.170.2', '100.100.100.200', '172.17.0.1', 'host.docker.internal'])} + ${JSON.stringify(hostAddresses)}
for host in hosts:
    for port in (80, 2375, 2376, ${hostPort}):
        try:
            socket.create_connection((host, port), 0.2).close()
            print("ALLOWED", host, port)
        except OSError: pass
    for port in (80, 2375, ${hostPort}):
        try:
            body = urllib.request.urlopen("http://%s:%d/latest/meta-data/" % (host, port), timeout=2).read()
            print("ALLOWED through the proxy", host, port, body[:50])
        except OSError: pass
try:
    socket.create_connection(("fd00:ec2::254", 80), 0.2)
    print("ALLOWED IPv6")
except OSError: pass
print("interfaces:", *sorted(os.listdir("/sys/class/net")))
print("processes:", *sorted((p for p in os.listdir("/proc") if p.isdigit()), key=int))
print("done")
`
}

/** Looks for anything that a builder might have let slip into a step. */
export const forbiddenWords = `
for each in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $each; done 2>/dev/null
find / -xdev \\( -name '*token*' -o -name '*.pem' -o -name '.netrc' -o -name 'id_*' -o -name 'config.json' \\) -not -path '/usr/*' -not -path '/proc/*' -not -path '/etc/ssl/*' 2>/dev/null
ls -a / /root /model /run /tmp
`
