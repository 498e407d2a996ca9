using Pedigree.Storage;

namespace Pedigree.Workflow.Tests;

public sealed class CheckpointCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_cache_stays_within_its_limit_and_lets_go_what_was_used_longest_ago_but_nothing_that_is_open()
    {
        CheckpointCache cache = new(_folder.Path, limit: 30);
        using LocalCheckpoint open = await OpenAsync(cache, 'a');
        (await OpenAsync(cache, 'b')).Dispose();
        (await OpenAsync(cache, 'c')).Dispose();
        SetUsed('a', minutes: 3);
        SetUsed('b', minutes: 1);
        SetUsed('c', minutes: 2);
        (await OpenAsync(cache, 'd')).Dispose();
        Assert.Equal("abd", Kept());
        SetUsed('b', minutes: 1);
        SetUsed('d', minutes: 2);
        (await OpenAsync(cache, 'd', fetched: false)).Dispose();
        (await OpenAsync(cache, 'e')).Dispose();
        Assert.Equal("ade", Kept());
        Assert.True(File.Exists(Path.Combine(open.Folder, "file")));
    }

    [Fact]
    public async Task What_is_being_fetched_has_its_room_from_the_beginning()
    {
        CheckpointCache cache = new(_folder.Path, limit: 30);
        (await OpenAsync(cache, 'a')).Dispose();
        SetUsed('a', minutes: 1);
        TaskCompletionSource begun = new(), goOn = new();
        Task<LocalCheckpoint> slow = cache.OpenAsync(new('b', 64), () => Task.FromResult(15L), async half =>
        {
            begun.SetResult();
            await goOn.Task;
            Directory.CreateDirectory(half);
        }, CancellationToken.None);
        await begun.Task;
        (await OpenAsync(cache, 'c')).Dispose();
        Assert.Equal("c", Kept());
        goOn.SetResult();
        (await slow).Dispose();
        Assert.Equal("bc", Kept());
    }

    [Fact]
    public void What_another_machine_has_half_made_is_left_to_it_for_a_day()
    {
        CheckpointCache cache = new(_folder.Path, limit: 30);
        foreach (string machine in (string[])[Environment.MachineName, "alive", "dead"])
        {
            Directory.CreateDirectory(_folder[$"tmp/{machine}/half"]);
            File.WriteAllText(_folder[$"tmp/{machine}/half/file"], "");
            File.WriteAllText(_folder[$"tmp/{machine}/half.lock"], "");
        }
        Directory.SetLastWriteTimeUtc(_folder["tmp/dead"], DateTime.UtcNow.AddHours(-25));
        cache.Sweep();
        Assert.Equal([_folder["tmp/alive/half/file"], _folder["tmp/alive/half.lock"]],
            Directory.EnumerateFiles(_folder["tmp"], "*", SearchOption.AllDirectories).OrderDescending(StringComparer.Ordinal));
    }

    private static async Task<LocalCheckpoint> OpenAsync(CheckpointCache cache, char name, bool fetched = true)
    {
        bool was = false;
        LocalCheckpoint opened = await cache.OpenAsync(new(name, 64), () => Task.FromResult(10L), folder =>
        {
            was = true;
            Directory.CreateDirectory(folder);
            return File.WriteAllBytesAsync(Path.Combine(folder, "file"), new byte[10]);
        }, CancellationToken.None);
        Assert.Equal(fetched, was);
        return opened;
    }

    private void SetUsed(char name, int minutes) =>
        File.SetLastWriteTimeUtc(_folder[$"{new string(name, 64)}.lock"], DateTime.UtcNow.AddMinutes(-minutes));

    private string Kept() => string.Concat(
        Directory.EnumerateDirectories(_folder.Path)
            .Select(folder => Path.GetFileName(folder)).Where(StoreNames.IsDigest).Select(name => name[0]).Order());
}
