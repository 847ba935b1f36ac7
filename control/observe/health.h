// Tells the service manager how the daemon is: sd_notify(3)'s datagrams, written by ourselves (READY, STATUS,
// STOPPING, WATCHDOG). Decides nothing: whoever owns the work calls watchdog() when the work is alive.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::observe {

class ServiceManager {
public:
    // Reads NOTIFY_SOCKET and WATCHDOG_USEC; without them every call does nothing.
    ServiceManager();
    ~ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    bool present() const { return socket_ >= 0; }
    void ready(std::string_view status);   // the daemon does its work now
    void status(std::string_view status);  // one line for `systemctl status`
    void stopping();
    void watchdog();
    // How often watchdog() is due: half of what the unit asks for, as sd_watchdog_enabled(3) advises.
    std::optional<Duration> watchdog_interval() const { return interval_; }

private:
    void send(std::string_view datagram);
    int socket_ = -1;
    std::string address_;
    std::optional<Duration> interval_;
};

}  // namespace sallyport::observe
