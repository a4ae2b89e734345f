#pragma once
#include <vector>

#include "../wire/neighbours.h"

namespace holdfast::io {

/* The neighbours of one link, or for 0 of all. Like `ip neigh show dev X`. A link that is not there has none.
 * Returns 0 or -errno. */
int ListNeighbours(uint32_t ifindex, std::vector<wire::NeighbourRecord>& out) noexcept;

}  // namespace holdfast::io
