#include "netlink_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "pause.h"

namespace holdfast::io {

namespace {

/* The kernel cuts dumps into datagrams of at most 32 KiB (netlink_dump() in af_netlink.c). */
constexpr size_t kDatagramBytes = 64 << 10;
/* An answer of 36 bytes is charged with its sk_buff: under 1 KiB, with an extended ACK's text under 2. */
constexpr size_t kBytesPerAnswer = 2048;

int SetOption(int fd, int level, int option, int value) { return setsockopt(fd, level, option, &value, sizeof value); }

}  // namespace

int NetlinkSocket::Open(int receive_bytes, int protocol) noexcept {
  fd_ = UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (fd_.get() < 0) return -errno;
  const timeval wait{kWaitSeconds, 0};
  if (setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 ||
      setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0)
    return -errno;
  /* Each is a help that an older kernel may lack: shorter answers (4.3), their words (4.12), filtered dumps (4.20). */
  SetOption(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, 1);
  SetOption(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, 1);
  SetOption(fd_.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
  SizeBuffers(receive_bytes);
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&self), sizeof self) < 0) return -errno;
  buffer_.resize(kDatagramBytes);
  return 0;
}

void NetlinkSocket::SizeBuffers(int receive_bytes) noexcept {
  const int fd = fd_.get();
  SizeReceiveBuffer(receive_bytes);
  if (SetOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, kBufferBytes) < 0) SetOption(fd, SOL_SOCKET, SO_SNDBUF, kBufferBytes);
  int granted = 0;
  socklen_t size = sizeof granted;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
  window_ = std::max<size_t>(16, static_cast<size_t>(granted) / kBytesPerAnswer);
}

void NetlinkSocket::SizeReceiveBuffer(int bytes) noexcept {
  const int fd = fd_.get();
  if (SetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) < 0) SetOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

int NetlinkSocket::Subscribe(std::span<const int> groups, int receive_bytes) noexcept {
  SizeReceiveBuffer(receive_bytes);
  for (const int group : groups)
    if (SetOption(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group) < 0) return -errno;
  return 0;
}

int NetlinkSocket::Send(wire::Bytes messages) noexcept {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    const ssize_t sent = sendto(fd_.get(), messages.data(), messages.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
                                sizeof kernel);
    if (sent >= 0) return 0; /* a netlink datagram is taken whole or not at all */
    if (errno != EINTR) return -errno;
  }
}

int NetlinkSocket::Receive(wire::Bytes& datagram, bool wait) noexcept {
  for (;;) {
    sockaddr_nl sender{};
    iovec place{buffer_.data(), buffer_.size()};
    msghdr header{};
    header.msg_name = &sender;
    header.msg_namelen = sizeof sender;
    header.msg_iov = &place;
    header.msg_iovlen = 1;
    const ssize_t size = recvmsg(fd_.get(), &header, wait ? 0 : MSG_DONTWAIT);
    if (size < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if (sender.nl_pid != 0) continue; /* another process, not the kernel */
    if ((header.msg_flags & MSG_TRUNC) != 0) return -EMSGSIZE;
    datagram = wire::Bytes(buffer_).first(static_cast<size_t>(size));
    return 0;
  }
}

int NetlinkSocket::DumpOnce(const AppendRequest& append, const EachMessage& each) noexcept {
  const uint32_t seq = NextSeq();
  std::vector<uint8_t> request;
  append(request, seq);
  if (const int error = Send(request); error < 0) return error;
  bool incomplete = false;
  for (;;) {
    wire::Bytes datagram;
    const int error = Receive(datagram);
    incomplete |= error == -ENOBUFS; /* read on to the end all the same: no other dump may begin before it */
    if (error == -ENOBUFS) continue;
    if (error < 0) return error;
    wire::MessageReader reader(datagram);
    for (wire::Message message; reader.Next(message);) {
      if (message.seq != seq) continue;
      incomplete |= (message.flags & NLM_F_DUMP_INTR) != 0;
      if (wire::Ack ack; wire::ParseAck(message, ack)) return ack.error;
      if (message.type == NLMSG_DONE) {
        int32_t status = 0;
        wire::ReadFront(message.payload, status);
        return status < 0 ? status : incomplete ? -EINTR : 0;
      }
      each(message);
    }
  }
}

int NetlinkSocket::Dump(const AppendRequest& append, const std::function<void()>& forget,
                        const EachMessage& each) noexcept {
  const auto until = std::chrono::steady_clock::now() + kDumpTriesFor;
  int error = DumpOnce(append, each);
  for (unsigned tries = 0; error == -EINTR && std::chrono::steady_clock::now() < until; tries++) {
    PauseBeforeRetry(tries);
    forget();
    error = DumpOnce(append, each);
  }
  return error;
}

}  // namespace holdfast::io
