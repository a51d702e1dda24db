/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Shared by the BPF program and its reader: what lies in the mapped maps. The including file
 * provides __u8 to __u64. Nothing here holds a kernel address.
 */
#ifndef SECCOMPD_FILTERS_SECCOMP_ITER_ABI_H_
#define SECCOMPD_FILTERS_SECCOMP_ITER_ABI_H_

/* NOLINTBEGIN(readability-identifier-naming): names of C, shared with the BPF program. */
#define SECCOMPD_COMM_SIZE 16
#define SECCOMPD_MAX_FILTERS 1024
#define SECCOMPD_MAX_INSTRUCTIONS 4096
#define SECCOMPD_MAX_STACK 32768

#define SECCOMPD_TASK_NO_NEW_PRIVS 1
#define SECCOMPD_TASK_KERNEL_THREAD 2
#define SECCOMPD_TASK_EXITING 4
#define SECCOMPD_TASK_ZOMBIE 8

struct seccompd_task {
  __u64 filter;
  __u64 cgroup_id;
  __u64 start_ns;
  __u64 leader_start_ns;
  __u64 exec_id;
  __u32 pid;
  __u32 tgid;
  __u32 ppid;
  __u32 filter_count;
  __u32 mode;
  __u32 flags;
  char comm[SECCOMPD_COMM_SIZE];
};

struct seccompd_scan {
  __u32 count; /* used so far; the reader takes them and sets 0 */
};

enum seccompd_dump_status {
  SECCOMPD_DUMP_MORE = 0, /* read again: the same task is continued or looked at once more */
  SECCOMPD_DUMP_DONE,
  SECCOMPD_DUMP_GONE,
  SECCOMPD_DUMP_NO_FILTER,
  SECCOMPD_DUMP_TORN,
  SECCOMPD_DUMP_TOO_MANY_FILTERS,
  SECCOMPD_DUMP_TOO_MANY_INSTRUCTIONS,
  SECCOMPD_DUMP_NO_ORIGINAL,
  SECCOMPD_DUMP_UNREADABLE,
};

struct seccompd_dump {
  /* set by the reader; a new request number starts anew */
  __u64 request;
  __u64 start_ns;
  __u64 exec_id;
  __u32 pid;
  /* set by the program */
  __u32 status;
  __u64 filter;
  __u32 filters;
  __u32 instructions;
  __u16 lengths[SECCOMPD_MAX_FILTERS]; /* newest first, like the arena */
};
/* NOLINTEND(readability-identifier-naming) */

#endif /* SECCOMPD_FILTERS_SECCOMP_ITER_ABI_H_ */
