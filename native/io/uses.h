#pragma once
#include <vector>

#include "../wire/uses.h"

namespace holdfast::io {

/* What stands on the addresses, besides what this process has bound: each route of any table that has one as its
 * source, each TCP socket that listens on just one of them, and each UDP socket that is bound to it and not connected.
 * What was opened by this process is told by /proc/self/fd; where that cannot be read, its sockets count as others'. A
 * kernel that does not list sockets of a protocol tells of none.
 *
 * Walks every route and every such socket of the host: for when there is a doubt. At most `most` are told of. 0 or
 * -errno. */
int ListUses(const wire::AddressSet& addresses, size_t most, std::vector<wire::UseRecord>& out) noexcept;

}  // namespace holdfast::io
