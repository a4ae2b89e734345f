#include "dumps.h"

#include <cerrno>
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
  if (filter.aliases) {
    const auto append = [&](auto& request, uint32_t seq) {
      wire::AppendAddressDump(request, seq, family, filter.ifindex);
    };
    if (const int error = DumpInto(socket, family, filter, append, wire::DecodeAddress, out); error < 0) return error;
  }
  if (!filter.local_routes) return 0;
  const auto append = [&](auto& request, uint32_t seq) {
    wire::AppendRouteDump(request, seq, family, filter.tag < 0 ? 0 : static_cast<uint8_t>(filter.tag), filter.ifindex);
  };
  const int error = DumpInto(socket, family, filter, append, wire::DecodeRoute, out);
  return error == -ENOENT ? 0 : error; /* a table that never held a route does not exist */
}

}  // namespace holdfast::io
