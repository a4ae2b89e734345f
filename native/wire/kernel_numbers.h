#pragma once
/* Numbers of the kernel's interface that the headers of an older build machine lack. */
#include <cstdint>

namespace holdfast::wire {

constexpr uint16_t kIfaProto = 11;     /* IFA_PROTO, linux/if_addr.h since 5.18; older kernels ignore it */
constexpr uint16_t kIflaPropList = 52; /* IFLA_PROP_LIST, linux/if_link.h since 5.5 */
constexpr uint16_t kIflaAltName = 53;  /* IFLA_ALT_IFNAME, likewise */

}  // namespace holdfast::wire
