#include "neighbours.h"

#include <cerrno>

#include "netlink_socket.h"

namespace holdfast::io {

namespace {

/* A kernel without that family has none. */
int DumpFamily(NetlinkSocket& socket, uint8_t family, uint32_t ifindex,
               std::vector<wire::NeighbourRecord>& out) noexcept {
  const size_t before = out.size();
  const int error = socket.Dump(
      [=](std::vector<uint8_t>& request, uint32_t seq) { wire::AppendNeighbourDump(request, seq, family, ifindex); },
      [&] { out.resize(before); },
      [&](const wire::Message& message) {
        wire::NeighbourRecord neighbour;
        if (!wire::DecodeNeighbour(message, neighbour) || neighbour.family != family) return;
        /* A kernel before 4.20 has no strict checks, and one before 4.4 no filter. */
        if (ifindex == 0 || neighbour.ifindex == ifindex) out.push_back(neighbour);
      });
  return error == -EOPNOTSUPP || error == -EAFNOSUPPORT ? 0 : error;
}

}  // namespace

int ListNeighbours(uint32_t ifindex, std::vector<wire::NeighbourRecord>& out) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(); error < 0) return error;
  if (const int error = DumpFamily(socket, 4, ifindex, out); error < 0) return error;
  return DumpFamily(socket, 6, ifindex, out);
}

}  // namespace holdfast::io
