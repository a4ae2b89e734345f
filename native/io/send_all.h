#pragma once
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace holdfast::io {

struct SendOutcome {
  uint32_t sent = 0; /* frames or packets */
  uint32_t failed = 0;
  int first_error = 0; /* -errno of the first that failed */
};

/* Sends messages [0, count). Those that the kernel refuses are counted and passed over; waits while a queue is full, as
 * long as `tries`, which counts over the calls of one batch, allows: some 100 ms in all. For a worker thread. */
void SendAll(int fd, mmsghdr* messages, size_t count, unsigned& tries, SendOutcome& outcome) noexcept;

}  // namespace holdfast::io
