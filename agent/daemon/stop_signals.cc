// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/stop_signals.h"

namespace seccompd::agent {
namespace {

void Mask(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kStopSignals) sigaddset(&set, number);
  static_cast<void>(pthread_sigmask(how, &set, nullptr));
}

}  // namespace

void HoldStopSignals() { Mask(SIG_BLOCK); }
void ReleaseStopSignals() { Mask(SIG_UNBLOCK); }

}  // namespace seccompd::agent
