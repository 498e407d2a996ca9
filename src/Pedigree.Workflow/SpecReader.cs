namespace Pedigree.Workflow;

internal static class SpecReader
{
    public static SpecFile Read(string path) => throw new NotSupportedException(path);
}
