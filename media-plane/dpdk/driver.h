// The media plane on DPDK: EAL, ports, one worker per lcore, and the thread that carries replies and events back.
// The room's whole public face; whoever includes it sees no DPDK.
#pragma once

#include <memory>
#include <string>

#include "control/base/result.h"
#include "media-plane/core/plane.h"
#include "media-plane/dpdk/config.h"

namespace sallyport::media::dpdk {

class Driver final : public Plane {
public:
    // Devices are up when it returns, or nothing is; nothing is received before launch(). Once per process. The error
    // is a sentence.
    static Result<std::unique_ptr<Driver>, std::string> open(const DriverConfig& config);
    // Starts the lcores. Commands submitted before are carried out before the first packet is received (eight of them).
    // Returns an empty text or what went wrong.
    std::string launch();
    ~Driver() override;  // stops the lcores, answers what is under way, frees every packet

    TimePoint now() const override;
    std::size_t lcores() const override;
    bool submit(std::size_t lcore, Command command, Done done) override;
    bool collect(Duration at_most) override;
    std::optional<std::size_t> owner(std::string_view media_port, std::uint16_t udp_port) const override;
    void set_event_sink(EventSink sink) override;
    PlaneStatus status() const override;

private:
    struct State;
    explicit Driver(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sallyport::media::dpdk
