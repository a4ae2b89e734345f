#include "uses.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <unordered_set>

#include "netlink_socket.h"

namespace holdfast::io {

namespace {

using wire::AddressSet;
using wire::UseKind;
using wire::UseRecord;

/* Without that family, or without that kind of socket (CONFIG_INET_UDP_DIAG), there is none. */
bool IsNone(int error) {
  return error == -EOPNOTSUPP || error == -EAFNOSUPPORT || error == -ENOENT || error == -EPROTONOSUPPORT;
}

template <typename Append, typename Decode>
int DumpUses(NetlinkSocket& socket, const Append& append, const Decode& decode, const AddressSet& addresses,
             size_t most, std::vector<UseRecord>& out) noexcept {
  const size_t before = out.size();
  const int error = socket.Dump(
      append, [&] { out.resize(before); },
      [&](const wire::Message& message) {
        if (UseRecord use; out.size() < most && decode(message, use) && addresses.Has(use.address)) out.push_back(use);
      });
  return IsNone(error) ? 0 : error;
}

std::unordered_set<uint32_t> OwnSockets() {
  std::unordered_set<uint32_t> inodes;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (!folder) return inodes;
  while (const dirent* entry = readdir(folder.get())) {
    struct stat status;
    if (fstatat(dirfd(folder.get()), entry->d_name, &status, 0) == 0 && S_ISSOCK(status.st_mode))
      inodes.insert(static_cast<uint32_t>(status.st_ino));
  }
  return inodes;
}

int ListRoutes(const AddressSet& addresses, size_t most, std::vector<UseRecord>& out) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(); error < 0) return error;
  for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
    const auto append = [=](auto& request, uint32_t seq) { wire::AppendAllRoutesDump(request, seq, family); };
    const int error = DumpUses(socket, append, wire::DecodeRouteSource, addresses, most, out);
    if (error < 0) return error;
  }
  return 0;
}

int ListBound(const AddressSet& addresses, size_t most, std::vector<UseRecord>& out) noexcept {
  struct Kind {
    UseKind kind;
    uint8_t protocol;
    uint32_t states;
  };
  static constexpr Kind kKinds[] = {
      {UseKind::kTcpListener, IPPROTO_TCP, wire::StateBit(TCP_LISTEN)},
      {UseKind::kUdpSocket, IPPROTO_UDP, wire::StateBit(TCP_CLOSE)}, /* what a UDP socket is in that is not connected */
  };
  NetlinkSocket socket;
  const int opened = socket.Open(NetlinkSocket::kBufferBytes, NETLINK_SOCK_DIAG);
  if (opened < 0) return IsNone(opened) ? 0 : opened;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    for (const auto& [kind, protocol, states] : kKinds) {
      const auto append = [=](auto& request, uint32_t seq) {
        wire::AppendSocketDump(request, seq, family, protocol, states);
      };
      const auto decode = [=](const wire::Message& message, UseRecord& use) {
        return wire::DecodeBoundSocket(message, kind, use);
      };
      if (const int error = DumpUses(socket, append, decode, addresses, most, out); error < 0) return error;
    }
  }
  return 0;
}

}  // namespace

int ListUses(const AddressSet& addresses, size_t most, std::vector<UseRecord>& out) noexcept {
  if (const int error = ListRoutes(addresses, most, out); error < 0) return error;
  const size_t routes = out.size();
  if (const int error = ListBound(addresses, most, out); error < 0) return error;
  if (out.size() == routes) return 0;
  const auto own = OwnSockets();
  out.erase(std::remove_if(out.begin() + static_cast<ptrdiff_t>(routes), out.end(),
                           [&](const UseRecord& use) { return own.contains(use.where); }),
            out.end());
  return 0;
}

}  // namespace holdfast::io
