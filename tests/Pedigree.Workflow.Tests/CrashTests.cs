using System.Diagnostics;
using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow.Tests;

public sealed class CrashTests(FinishedRun finished)
{
    [Fact]
    public async Task A_run_killed_at_twenty_random_moments_ends_as_if_left_in_peace()
    {
        using TemporaryFolder folder = new();
        Random random = new(20);
        TimeSpan whole = await UndisturbedAsync(folder["first"]);
        int kills = 0;
        for (int attempt = 0; kills < 20; attempt++)
        {
            string store = folder[$"store{attempt}"];
            Dictionary<string, DateTime> finishedBefore = [];
            while (true)
            {
                using Process process = HostProcess.Start(finished.Spec.Path, store, "small");
                // The last restart is left in peace.
                bool killed = kills < 20 && !process.WaitForExit(random.NextDouble() * whole);
                if (killed)
                {
                    process.Kill();
                    kills++;
                }
                process.WaitForExit();
                Dictionary<string, DateTime> now = EmbeddedHostTests.Finished(store);
                Assert.All(finishedBefore, file => Assert.Equal(file.Value, now[file.Key]));
                finishedBefore = now;
                if (killed)
                    continue;
                Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
                break;
            }
            await AssertSameAsync(store);
        }
    }

    private async Task<TimeSpan> UndisturbedAsync(string store)
    {
        Stopwatch watch = Stopwatch.StartNew();
        using Process process = HostProcess.Start(finished.Spec.Path, store, "small");
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
        await AssertSameAsync(store);
        return watch.Elapsed;
    }

    private async Task AssertSameAsync(string store)
    {
        RunRecord run = await Runs.LoadAsync(Store.Open(store), "small");
        Assert.Equal(EmbeddedHostTests.Decisions(finished.Run), EmbeddedHostTests.Decisions(run));
        Model best = run.State.Population.First(model => model.Generation > 0);
        Assert.Equal(TemporaryFolder.Contents(await finished.Run.AddressOfAsync(best) ?? ""),
            TemporaryFolder.Contents(await run.AddressOfAsync(best) ?? ""));
    }
}
