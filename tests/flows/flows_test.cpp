// Every *.flow file is one test case, named by its sentence. $SALLYPORT_FLOW_LADDER prints what was said (tools/flow).
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "tests/flows/flow_run.h"

namespace {

using namespace sallyport::test;

class FlowTest final : public Catch::ITestInvoker {
public:
    explicit FlowTest(std::filesystem::path file) : file_(std::move(file)) {}
    void invoke() const override {
        FlowRun run;
        std::string error;
        try {
            run.run(read_flow(file_));
        } catch (const FlowError& e) {
            error = e.what();
        }
        if (std::getenv("SALLYPORT_FLOW_LADDER") != nullptr) std::cout << run.transcript();
        INFO(run.transcript());
        CHECK(error == "");
    }

private:
    std::filesystem::path file_;
};

struct Registration {
    Registration() {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(SALLYPORT_FLOWS))
            if (entry.path().extension() == ".flow") files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        for (const auto& file : files) {
            std::string title;
            try {
                title = read_flow(file).title;
            } catch (const FlowError&) {  // reported when it runs
            }
            const std::string name = file.stem().string() + ": " + title;
            const Catch::AutoReg registered(new FlowTest(file), CATCH_INTERNAL_LINEINFO, "", Catch::NameAndTags(name));
        }
    }
} const registration;

}  // namespace
