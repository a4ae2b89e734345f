#pragma once

namespace holdfast::io {

/* Whether this kernel keeps IFA_PROTO, our tag on addresses (5.18 and later). Asked once a process, by a request that
 * no kernel carries out, whatever its version string says. Where nobody may ask (without CAP_NET_ADMIN), true: nothing
 * untagged is taken for ours. 0 or -errno. */
int KeepsTags(bool& out) noexcept;

}  // namespace holdfast::io
