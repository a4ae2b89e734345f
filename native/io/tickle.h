#pragma once
#include <span>

#include "../wire/tcp.h"
#include "send_all.h"

namespace holdfast::io {

/* Packets that one connection takes: see Tickle(). */
constexpr uint32_t kTickles = 2;

/* Sends for each connection two bare ACKs in the name of its local end, whose sequence numbers are half of all numbers
 * apart: no window is as wide (RFC 7323 section 2.3), so at least one of them is answered by whoever still has the
 * connection. -EPERM for all without CAP_NET_RAW. For a worker thread. */
SendOutcome Tickle(std::span<const wire::ConnectionRecord> connections) noexcept;

}  // namespace holdfast::io
