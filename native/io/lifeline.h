#pragma once
#include <cstdint>
#include <string>

#include "unique_fd.h"

namespace holdfast::io {

struct LifelineOutcome {
  int error = 0;          /* 0 or -errno */
  const char* call = "";  /* the system call that failed, with its object */
  UniqueFd fd;            /* the device lives as long as this, and as long as this process */
  uint32_t ifindex = 0;
};

/* Makes a TUN device and sets it up. Like `ip tuntap add NAME mode tun` and `ip link set NAME up`, except that the kernel
 * removes the device, with every address and route on it, when the descriptor closes. The descriptor is closed on exec,
 * so no child keeps it. -EBUSY when a device of that name exists, -EPERM without CAP_NET_ADMIN, -ENOENT or -EACCES when
 * /dev/net/tun is not to be had. */
LifelineOutcome OpenLifeline(const std::string& name) noexcept;

}  // namespace holdfast::io
