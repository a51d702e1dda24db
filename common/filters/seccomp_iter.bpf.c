/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two task iterators. scan_tasks writes one record a task; dump_filters copies the classic
 * programs of one thread. Nothing goes through the seq file: its buffer is 32 KiB, a stack may be
 * larger. Both return 1 to stop with -EAGAIN; the next read(2) of the same descriptor shows the
 * same task again, so nothing is lost when an array is full, and every call may stay short.
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

/* include/uapi/linux/bpf.h */
enum { BPF_MAP_TYPE_ARRAY = 2, BPF_F_MMAPABLE = 1 << 10 };

#include <bpf/bpf_helpers.h>
/* after bpf_helpers.h, which it needs */
#include <bpf/bpf_core_read.h>

#include "seccomp_iter_abi.h"

/* Linux 5.10 to 6.18 have all of these; offsets and sizes are relocated at load. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct upid {
  int nr;
};

struct pid {
  unsigned int level;
  struct upid numbers[1];
};

struct kernfs_node {
  __u64 id;
};

struct cgroup {
  struct kernfs_node* kn;
};

struct css_set {
  struct cgroup* dfl_cgrp;
};

struct sock_filter {
  __u16 code;
};

struct sock_fprog_kern {
  __u16 len;
  struct sock_filter* filter;
};

struct bpf_prog {
  struct sock_fprog_kern* orig_prog;
};

struct seccomp_filter {
  struct seccomp_filter* prev;
  struct bpf_prog* prog;
};

struct seccomp {
  int mode;
  struct {
    int counter;
  } filter_count;
  struct seccomp_filter* filter;
};

struct task_struct {
  unsigned int flags;
  int exit_state;
  int pid;
  int tgid;
  unsigned long atomic_flags;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct pid* thread_pid;
  __u64 start_boottime;
  char comm[SECCOMPD_COMM_SIZE];
  struct seccomp seccomp;
  __u64 self_exec_id;
  struct css_set* cgroups;
};

struct bpf_iter_meta {
  __u64 seq_num;
};

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

#pragma clang attribute pop

/* Task flags (include/linux/sched.h). */
#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000
#define PFA_NO_NEW_PRIVS 0

/* Filters copied in one call: bounds what the verifier of Linux 5.10 must unroll. */
#define FILTERS_PER_CALL 16
#define INSTRUCTION_SIZE 8

/* Random, set before load; the descriptor is closed afterwards, so no user of the records can
 * turn an identity back into an address. */
const volatile __u64 key_before = 0;
const volatile __u64 key_after = 0;

/* In .bss, mapped by the reader. */
struct seccompd_scan scan;
struct seccompd_dump dump;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* set before load */
  __type(key, __u32);
  __type(value, struct seccompd_task);
} records SEC(".maps");

/* Room for a whole filter behind the last allowed offset, so that one bound serves the verifier. */
struct arena {
  __u8 bytes[(SECCOMPD_MAX_STACK + SECCOMPD_MAX_INSTRUCTIONS) * INSTRUCTION_SIZE];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct arena);
} arena SEC(".maps");

/* Where a dump goes on. Not mapped: a reader that has been taken over must not be able to name an
 * address that is then read for it. */
struct cursor {
  __u64 request;
  __u64 head;
  __u64 next;
  __u64 scratch;
  __u32 pid;
  __u32 count;
  __u32 filters;
  __u32 instructions;
  __u32 level;
  __u32 level_known;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct cursor);
} cursors SEC(".maps");

/* The verifier forbids arithmetic on a typed pointer; through memory it becomes a plain number. */
static __always_inline __u64 number(struct cursor* c, const void* address) {
  volatile __u64* scratch = &c->scratch;
  *scratch = (__u64)address;
  return *scratch;
}

/* A keyed bijection: equal addresses and only those have equal identities. */
static __always_inline __u64 identity(struct cursor* c, const void* address) {
  __u64 x = number(c, address);
  if (!x) return 0;
  x ^= key_before;
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  x ^= x >> 33;
  return x ^ key_after;
}

static __always_inline struct cursor* the_cursor(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&cursors, &zero);
}

/* Depth of the reader's pid namespace; looked up once a scan, at its first object. */
static __always_inline __u32 reader_level(struct cursor* c, struct bpf_iter__task* ctx) {
  if (!c->level_known || !ctx->meta->seq_num) {
    struct task_struct* self = (void*)bpf_get_current_task();
    c->level = BPF_CORE_READ(self, thread_pid, level);
    c->level_known = 1;
  }
  return c->level;
}

/* The pid of a thread in the reader's namespace; 0 if it has none or has been reaped. */
static __always_inline __u32 pid_at(struct cursor* c, struct task_struct* task, __u32 level) {
  if (!level) return task->pid;
  struct pid* pid = task->thread_pid;
  int nr = 0;
  if (!pid || pid->level < level) return 0;
  __u64 numbers = number(c, pid) + bpf_core_field_offset(struct pid, numbers);
  __u64 at = numbers + level * bpf_core_type_size(struct upid);
  bpf_probe_read_kernel(&nr, sizeof(nr), (void*)at);
  return nr;
}

static __always_inline __u32 flags_of(struct task_struct* task) {
  __u32 flags = 0;
  if (task->atomic_flags & (1UL << PFA_NO_NEW_PRIVS)) flags |= SECCOMPD_TASK_NO_NEW_PRIVS;
  if (task->flags & PF_KTHREAD) flags |= SECCOMPD_TASK_KERNEL_THREAD;
  if (task->flags & PF_EXITING) flags |= SECCOMPD_TASK_EXITING;
  if (task->exit_state) flags |= SECCOMPD_TASK_ZOMBIE;
  return flags;
}

/* Counts a thread's execve(2)s; where a kernel should have lost it, the thread itself serves. */
static __always_inline __u64 exec_id_of(struct cursor* c, struct task_struct* task) {
  if (bpf_core_field_exists(task->self_exec_id)) return task->self_exec_id;
  return identity(c, task);
}

SEC("iter/task")
int scan_tasks(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  struct cursor* c = the_cursor();
  if (!task || !c) return 0;
  __u32 at = scan.count;
  struct seccompd_task* r = bpf_map_lookup_elem(&records, &at);
  /* Full: the reader takes what there is and comes back. */
  if (!r) return 1;
  __u32 level = reader_level(c, ctx);
  r->pid = pid_at(c, task, level);
  if (!r->pid) return 0;
  r->tgid = level ? pid_at(c, task->group_leader, level) : task->tgid;
  r->ppid = level ? pid_at(c, task->real_parent, level) : task->real_parent->tgid;
  r->filter = identity(c, task->seccomp.filter);
  r->filter_count = task->seccomp.filter_count.counter;
  r->mode = task->seccomp.mode;
  r->flags = flags_of(task);
  r->start_ns = task->start_boottime;
  r->leader_start_ns = task->group_leader->start_boottime;
  r->exec_id = exec_id_of(c, task);
  r->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
  bpf_probe_read_kernel(r->comm, sizeof(r->comm), task->comm);
  scan.count = at + 1;
  return 0;
}

/* Begins a dump; a status other than MORE ends it. */
static __always_inline __u32 begin(struct cursor* c, struct task_struct* task, __u32 pid) {
  c->request = dump.request;
  c->pid = pid;
  c->head = (__u64)task->seccomp.filter;
  c->next = c->head;
  c->count = task->seccomp.filter_count.counter;
  c->filters = 0;
  c->instructions = 0;
  dump.filter = identity(c, (void*)c->head);
  if (!c->head) return SECCOMPD_DUMP_NO_FILTER;
  if (c->count > SECCOMPD_MAX_FILTERS) return SECCOMPD_DUMP_TOO_MANY_FILTERS;
  return SECCOMPD_DUMP_MORE;
}

/*
 * A thread that is not exiting never lets go of a filter, and its newest one only changes by
 * stacking; exiting sets the pointer to NULL before the chain is freed. So a pointer that is still
 * the same proves that all read before was alive.
 */
static __always_inline bool unchanged(const struct cursor* c, struct task_struct* task) {
  return (__u64)task->seccomp.filter == c->head &&
         (__u32)task->seccomp.filter_count.counter == c->count;
}

/* Copies the next filter of the chain to the arena. */
static __always_inline __u32 copy_filter(struct cursor* c, struct task_struct* task,
                                         struct arena* to) {
  struct seccomp_filter* filter = (void*)c->next;
  struct seccomp_filter* prev = 0;
  struct bpf_prog* prog = 0;
  struct sock_fprog_kern* original = 0;
  struct sock_filter* instructions = 0;
  __u16 len = 0;
  if (bpf_core_read(&prev, sizeof(prev), &filter->prev) ||
      bpf_core_read(&prog, sizeof(prog), &filter->prog) ||
      bpf_core_read(&original, sizeof(original), &prog->orig_prog))
    return SECCOMPD_DUMP_UNREADABLE;
  if (!original) return SECCOMPD_DUMP_NO_ORIGINAL;
  if (bpf_core_read(&len, sizeof(len), &original->len) ||
      bpf_core_read(&instructions, sizeof(instructions), &original->filter))
    return SECCOMPD_DUMP_UNREADABLE;
  /* Before the bulk is copied: what is not the task's any more must not be shown. */
  if (!unchanged(c, task)) return SECCOMPD_DUMP_TORN;
  __u32 count = len;
  if (count == 0 || count > SECCOMPD_MAX_INSTRUCTIONS) return SECCOMPD_DUMP_UNREADABLE;
  __u32 used = c->instructions;
  __u32 filters = c->filters;
  if (filters >= SECCOMPD_MAX_FILTERS || filters >= c->count) return SECCOMPD_DUMP_TORN;
  if (used > SECCOMPD_MAX_STACK || used + count > SECCOMPD_MAX_STACK)
    return SECCOMPD_DUMP_TOO_MANY_INSTRUCTIONS;
  if (bpf_probe_read_kernel(&to->bytes[used * INSTRUCTION_SIZE], count * INSTRUCTION_SIZE,
                            instructions))
    return SECCOMPD_DUMP_UNREADABLE;
  dump.lengths[filters] = len;
  c->filters = filters + 1;
  c->instructions = used + count;
  c->next = (__u64)prev;
  return SECCOMPD_DUMP_MORE;
}

/*
 * The status DONE is given by a later call than the one that copied: between two calls lie a
 * mutex's release and acquire, so the last look at the pointer cannot overtake the copy on CPUs
 * that reorder loads.
 */
static __always_inline __u32 advance(struct cursor* c, struct task_struct* task, __u32 pid,
                                     struct arena* to) {
  if (c->request != dump.request || c->pid != pid) {
    __u32 status = begin(c, task, pid);
    if (status != SECCOMPD_DUMP_MORE) return status;
  } else if (!unchanged(c, task)) {
    return SECCOMPD_DUMP_TORN;
  } else if (!c->next) {
    return c->filters == c->count ? SECCOMPD_DUMP_DONE : SECCOMPD_DUMP_TORN;
  }
  for (int i = 0; i < FILTERS_PER_CALL; i++) {
    if (!c->next) break;
    __u32 status = copy_filter(c, task, to);
    /* What looks wrong may be memory that was freed under us. */
    if (status != SECCOMPD_DUMP_MORE) return unchanged(c, task) ? status : SECCOMPD_DUMP_TORN;
  }
  return SECCOMPD_DUMP_MORE;
}

SEC("iter/task")
int dump_filters(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  struct cursor* c = the_cursor();
  __u32 zero = 0;
  struct arena* to = bpf_map_lookup_elem(&arena, &zero);
  if (!task || !c || !to) return 0;
  __u32 pid = pid_at(c, task, reader_level(c, ctx));
  if (pid < dump.pid) return 0;
  __u32 status = SECCOMPD_DUMP_GONE;
  if (pid == dump.pid && task->start_boottime == dump.start_ns &&
      exec_id_of(c, task) == dump.exec_id)
    status = advance(c, task, pid, to);
  if (status != SECCOMPD_DUMP_MORE) c->request = 0;
  dump.filters = c->filters;
  dump.instructions = c->instructions;
  dump.status = status;
  return 1;
}

char seccompd_license[] SEC("license") = "Dual BSD/GPL";
