using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Pedigree.Api.Serving;
using Pedigree.Workflow.Publishing;
using Pedigree.Workflow.Tests;
using Pedigree.Workflow.Tests.Publishing;

namespace Pedigree.Api.Tests;

public sealed class PublishingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_served_run_is_published_and_a_server_that_is_started_again_delivers_what_was_left()
    {
        await using Receiver receiver = await Receiver.StartAsync();
        // Five are accepted; then the receiver is gone, as far as the first server can see.
        receiver.Answer = attempt => attempt <= 5 ? StatusCodes.Status200OK : StatusCodes.Status410Gone;
        await using (TestServer first = await TestServer.StartAsync(Options(receiver)))
        {
            (await first.PostAsync(Samples.Spec(), "small")).EnsureSuccessStatusCode();
            await first.WaitAsync("small", "completed", "failed");
        }
        Assert.Equal(5, receiver.Accepted.Count);

        receiver.Answer = _ => StatusCodes.Status200OK;
        string[] ids;
        await using (TestServer second = await TestServer.StartAsync(Options(receiver)))
            ids = [.. (await second.Client.GetStringAsync("/api/runs/small/events"))
                .TrimEnd('\n')
                .Split('\n')
                .Select(line => (string)JsonNode.Parse(line)!["id"]!)];
        // A server that ends gives what is left its time.
        Assert.Equal(ids, receiver.Accepted);
    }

    private ServerOptions Options(Receiver receiver) => new()
    {
        Urls = ["http://127.0.0.1:0"],
        Store = _folder["store"],
        Api = new() { Roots = [Samples.Family] },
        Events = EventTarget.Webhook(receiver.Address),
    };
}
