using System.Buffers.Binary;
using System.Text;
using TorchSharp;
using Xunit;

namespace Pedigree.Evaluation.Tests.Models;

public class NativeLibraryTests
{
    [Fact]
    public void Torch_loads_and_multiplies_bf16_matrices()
    {
        using var scope = torch.NewDisposeScope();
        var left = torch.tensor(new float[,] { { 1, 2 }, { 3, 4 } }).to(torch.bfloat16);
        var right = torch.tensor(new float[,] { { 5, 6 }, { 7, 8 } }).to(torch.bfloat16);
        Assert.Equal([19f, 22f, 43f, 50f], left.matmul(right).to(torch.float32).data<float>().ToArray());
    }

    [Fact]
    public void The_symbol_version_that_older_Linux_lacks_is_not_asked_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the symbol version is a matter of Linux alone");
        var needed = NeededVersions(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so")));
        Assert.Contains(needed, version => version is { Name: "GLIBCXX_3.4.32", IsWeak: true });
        Assert.Contains(needed, version => version is { Name: "GLIBCXX_3.4", IsWeak: false });
    }

    /// <summary>The entries of the dynamic section's table of needed versions, found by address as the loader finds it.</summary>
    private static List<(string Name, bool IsWeak)> NeededVersions(byte[] file)
    {
        ulong ReadWord(ulong offset) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan((int)offset));
        uint ReadHalf(ulong offset) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan((int)offset));
        ushort ReadQuarter(ulong offset) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan((int)offset));

        var segments = Enumerable.Range(
            0, ReadQuarter(0x38)).Select(i => ReadWord(0x20) + (ulong)(i * ReadQuarter(0x36))).ToList();
        ulong FileOffset(ulong address)
        {
            var load = segments.Single(s => ReadHalf(s) == 1 && address >= ReadWord(s + 0x10)
                && address < ReadWord(s + 0x10) + ReadWord(s + 0x20));
            return address - ReadWord(load + 0x10) + ReadWord(load + 8);
        }

        var dynamic = new Dictionary<ulong, ulong>();
        for (var entry = ReadWord(segments.Single(s => ReadHalf(s) == 2) + 8); ReadWord(entry) != 0; entry += 16)
            dynamic[ReadWord(entry)] = ReadWord(entry + 8);
        var strings = FileOffset(dynamic[5]);
        var found = new List<(string, bool)>();
        var need = FileOffset(dynamic[0x6ffffffe]);
        for (var needs = dynamic[0x6fffffff]; needs > 0; needs--, need += ReadHalf(need + 12))
        {
            var version = need + ReadHalf(need + 8);
            for (var versions = ReadQuarter(need + 2); versions > 0; versions--, version += ReadHalf(version + 12))
            {
                var name = (int)(strings + ReadHalf(version + 8));
                found.Add((Encoding.ASCII.GetString(file, name, Array.IndexOf(file, (byte)0, name) - name),
                    (ReadQuarter(version + 4) & 2) != 0));
            }
        }
        return found;
    }
}
