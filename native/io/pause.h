#pragma once
#include <cerrno>
#include <ctime>

namespace holdfast::io {

/* Sleeps on a worker thread while the kernel makes room: 1 ms at the first try, doubling, at most 32 ms. */
inline void PauseBeforeRetry(unsigned tries) noexcept {
  timespec rest{0, 1'000'000L << (tries < 5 ? tries : 5)};
  while (nanosleep(&rest, &rest) < 0 && errno == EINTR) {
  }
}

}  // namespace holdfast::io
