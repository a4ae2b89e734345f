#include "dumps.h"

#include <linux/rtnetlink.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "../wire/requests.h"

namespace holdfast::io {

using wire::AddressRecord;

namespace {

bool Passes(const AddressFilter& filter, uint8_t family, const AddressRecord& found) {
  /* Without that family the kernel answers for all (rtnl_dump_all). */
  if (found.family != family || (filter.tag >= 0 && found.protocol != filter.tag)) return false;
  return filter.ifindex == 0 || found.ifindex == filter.ifindex;
}

using Decode = bool (*)(const wire::Message&, AddressRecord&);

int DumpInto(NetlinkSocket& socket, uint8_t family, const AddressFilter& filter,
             const NetlinkSocket::AppendRequest& append, Decode decode, std::vector<AddressRecord>& out) noexcept {
  const size_t before = out.size();
  const int error = socket.Dump(
      append, [&] { out.resize(before); },
      [&](const wire::Message& message) {
        if (AddressRecord found; decode(message, found) && Passes(filter, family, found)) out.push_back(found);
      });
  if (error == -ENODEV && filter.ifindex != 0) return 0;
  return error == -EOPNOTSUPP || error == -EAFNOSUPPORT ? 0 : error;
}

/*
 * What has gone while it was dumped may have taken another one's place in the dump, and the kernel need not say so: it takes an
 * address off the list, tells of it, and only then changes the number by which a dump knows that it was interrupted
 * (__inet_del_ifa() in net/ipv4/devinet.c, fib_inetaddr_event() in net/ipv4/fib_frontend.c). So it is the telling that counts.
 */
class Departures {
 public:
  int Open() noexcept {
    static constexpr int kGroups[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
    if (const int error = told_.Open(); error < 0) return error;
    return told_.Subscribe(kGroups, NetlinkSocket::kBufferBytes);
  }

  /* Since the last time. */
  bool Any() noexcept {
    bool any = false;
    for (;;) {
      wire::Bytes datagram;
      const int error = told_.Receive(datagram, false);
      any |= error == -ENOBUFS;
      if (error == -ENOBUFS) continue;
      if (error < 0) return any;
      wire::MessageReader reader(datagram);
      for (wire::Message message; reader.Next(message);) any |= message.type == RTM_DELADDR;
    }
  }

 private:
  NetlinkSocket told_;
};

int DumpAliases(NetlinkSocket& socket, uint8_t family, const AddressFilter& filter,
                std::vector<AddressRecord>& out) noexcept {
  const auto append = [&](auto& request, uint32_t seq) {
    wire::AppendAddressDump(request, seq, family, filter.ifindex);
  };
  Departures departures;
  if (const int error = departures.Open(); error < 0) return error;
  const size_t before = out.size();
  const auto until = std::chrono::steady_clock::now() + NetlinkSocket::kDumpTriesFor;
  do {
    out.resize(before);
    if (const int error = DumpInto(socket, family, filter, append, wire::DecodeAddress, out); error < 0) return error;
    if (!departures.Any()) return 0;
  } while (std::chrono::steady_clock::now() < until);
  return -EINTR;
}

}  // namespace

int ListLinks(std::vector<wire::LinkRecord>& out) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(); error < 0) return error;
  return socket.Dump(wire::AppendLinkDump, [&] { out.clear(); },
                     [&](const wire::Message& message) {
                       if (wire::LinkRecord link; wire::DecodeLink(message, link)) out.push_back(std::move(link));
                     });
}

int ListAddresses(const AddressFilter& filter, std::vector<AddressRecord>& out) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(); error < 0) return error;
  for (const uint8_t family : {uint8_t{4}, uint8_t{6}})
    if (const int error = DumpFamily(socket, family, filter, out); error < 0) return error;
  return 0;
}

int DumpFamily(NetlinkSocket& socket, uint8_t family, const AddressFilter& filter,
               std::vector<AddressRecord>& out) noexcept {
  if (filter.aliases)
    if (const int error = DumpAliases(socket, family, filter, out); error < 0) return error;
  if (!filter.local_routes) return 0;
  const auto append = [&](auto& request, uint32_t seq) {
    wire::AppendRouteDump(request, seq, family, filter.tag < 0 ? 0 : static_cast<uint8_t>(filter.tag), filter.ifindex);
  };
  const int error = DumpInto(socket, family, filter, append, wire::DecodeRoute, out);
  return error == -ENOENT ? 0 : error; /* a table that never held a route does not exist */
}

}  // namespace holdfast::io
