// The photo of a hand-over, small enough for a phone's network and without what the camera wrote into the file (place, device).

const SIDE_MAX = 1_600;
const QUALITY = 0.82;

/** The picture as a JPEG of at most 1600 pixels a side; as it is when this browser cannot read it. */
export async function smaller(file) {
  let read;
  try {
    read = await createImageBitmap(file);
  } catch {
    return file;
  }
  const scale = Math.min(1, SIDE_MAX / Math.max(read.width, read.height));
  const canvas = Object.assign(document.createElement('canvas'), { width: Math.max(1, Math.round(read.width * scale)), height: Math.max(1, Math.round(read.height * scale)) });
  canvas.getContext('2d').drawImage(read, 0, 0, canvas.width, canvas.height);
  read.close();
  return new Promise((resolve) => canvas.toBlob((made) => resolve(made ?? file), 'image/jpeg', QUALITY));
}
