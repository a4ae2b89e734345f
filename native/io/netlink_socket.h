#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "../wire/netlink.h"
#include "unique_fd.h"

namespace holdfast::io {

/* One netlink socket for one thread. Nothing here throws; what can fail returns 0 or -errno. */
class NetlinkSocket {
 public:
  static constexpr int kBufferBytes = 4 << 20;

  /* Without CAP_NET_ADMIN the buffers stay at net.core.rmem_max, and the window is smaller. */
  int Open(int receive_bytes = kBufferBytes, int protocol = NETLINK_ROUTE) noexcept;

  /* Joins multicast groups (RTNLGRP_*): from here on Receive() gives what the kernel tells of them. A notification is
   * charged with its sk_buff, about 1 KiB; so many bytes hold what comes while nobody reads. 0 or -errno. */
  int Subscribe(std::span<const int> groups, int receive_bytes) noexcept;

  /* For poll(2). */
  int fd() const noexcept { return fd_.get(); }

  /* How many requests may be in flight: as many answers as fit into the receive buffer. */
  size_t window() const noexcept { return window_; }

  /* One or more whole messages. rtnetlink works them off before this returns: it may block on the rtnl lock. */
  int Send(wire::Bytes messages) noexcept;

  /* The next datagram from the kernel, at most kWaitSeconds away; it is valid until the next call.
   * -ENOBUFS when answers were dropped for want of room, -EAGAIN when none came in time. */
  int Receive(wire::Bytes& datagram, bool wait = true) noexcept;

  using AppendRequest = std::function<void(std::vector<uint8_t>& out, uint32_t seq)>;
  using EachMessage = std::function<void(const wire::Message&)>;

  /* Sends the dump request that `append` writes and hands each message of the answer to `each`. Where the kernel says
   * that what was dumped changed meanwhile (NLM_F_DUMP_INTR), what `each` saw may lack some: `forget` is called and the
   * dump is done again, so `each` has seen one consistent dump when this returns 0; -EINTR when there was none within 10 s. */
  int Dump(const AppendRequest& append, const std::function<void()>& forget, const EachMessage& each) noexcept;

  /* A storm of changes interrupts every dump; thousands of aliases come and go in a second or two. */
  static constexpr std::chrono::seconds kDumpTriesFor{10};

  /* Sequence numbers are never used twice on one socket, so a late answer is nobody's. */
  uint32_t NextSeq() noexcept { return ++seq_; }

  /* A batch never keeps a worker for ever: rtnetlink answers within its send, so a wait this long means a kernel in trouble. */
  static constexpr int kWaitSeconds = 10;

 private:
  void SizeBuffers(int receive_bytes) noexcept;
  void SizeReceiveBuffer(int bytes) noexcept;
  int DumpOnce(const AppendRequest& append, const EachMessage& each) noexcept;

  UniqueFd fd_;
  size_t window_ = 0;
  uint32_t seq_ = 0;
  std::vector<uint8_t> buffer_;
};

}  // namespace holdfast::io
