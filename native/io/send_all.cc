#include "send_all.h"

#include <cerrno>

#include "pause.h"

namespace holdfast::io {

namespace {

constexpr unsigned kFullQueueTries = 7;

}  // namespace

void SendAll(int fd, mmsghdr* messages, size_t count, unsigned& tries, SendOutcome& outcome) noexcept {
  for (size_t at = 0; at < count;) {
    const int sent = sendmmsg(fd, messages + at, static_cast<unsigned>(count - at), 0);
    if (sent > 0) {
      at += static_cast<size_t>(sent);
      outcome.sent += static_cast<uint32_t>(sent);
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if ((error == ENOBUFS || error == EAGAIN) && tries < kFullQueueTries) {
      PauseBeforeRetry(tries++);
      continue;
    }
    if (outcome.first_error == 0) outcome.first_error = -error;
    outcome.failed++;
    at++;
  }
}

}  // namespace holdfast::io
