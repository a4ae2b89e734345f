#include "neighbours.h"

#include "netlink_socket.h"

namespace holdfast::io {

int ListNeighbours(uint32_t ifindex, std::vector<wire::NeighbourRecord>& out) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(); error < 0) return error;
  return socket.Dump(
      [=](std::vector<uint8_t>& request, uint32_t seq) { wire::AppendNeighbourDump(request, seq, ifindex); },
      [&] { out.clear(); },
      [&](const wire::Message& message) {
        wire::NeighbourRecord neighbour;
        if (!wire::DecodeNeighbour(message, neighbour)) return;
        /* A kernel before 4.20 has no strict checks, and one before 4.4 no filter. */
        if (ifindex == 0 || neighbour.ifindex == ifindex) out.push_back(neighbour);
      });
}

}  // namespace holdfast::io
